import type { Problem } from "./host";

type Command = (...args: never[]) => Promise<unknown>;

interface Asking {
  /** Done, or given up. */
  over: (given: boolean) => void;
}

let asking = $state.raw<Asking>();
let answer: Promise<boolean> | undefined;

/** Whether password and second factor are to be given again now, and where to say how that ended. */
export function askedAgain(): Asking | undefined {
  return asking;
}

/** Asks once, however many commands wait for it. */
function ask(): Promise<boolean> {
  answer ??= new Promise<boolean>((resolve) => {
    asking = {
      over: (given) => {
        asking = undefined;
        answer = undefined;
        resolve(given);
      },
    };
  });
  return answer;
}

/**
 * The commands so that each goes on by itself once password and second factor were given again, where the
 * service wants that. Whoever gives up gets the problem.
 */
export function askingAgain<T extends object>(commands: T): T {
  const wrapped = Object.entries(commands).map(([name, command]) => [
    name,
    async (...args: never[]) => {
      const call = command as Command;
      try {
        return await call(...args);
      } catch (thrown) {
        const { code } = thrown as Partial<Problem>;
        if (code !== "reauthentication_required" || !(await ask())) throw thrown;
        return await call(...args);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}
