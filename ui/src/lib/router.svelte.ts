/**
 * Every state has an address: `#/activity/12?protocol=imap`. Back, forward and links work because
 * the address is the only place that holds which page, filter or drawer is shown.
 */
export interface Route {
  /** The first segment: the page. */
  page: string;
  /** What follows it: a section, or what the drawer shows. */
  rest: string[];
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const [page = "", ...rest] = path.split("/").filter(Boolean).map(decode);
  return { page, rest, query: new URLSearchParams(query) };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * The address of a state; empty and missing query values are left out. What an address may hold as it
 * is (`@`, `:`, `/`, `,`) stays readable.
 */
export function address(
  segments: string[],
  query: URLSearchParams | Record<string, string | undefined> = {},
): string {
  const pairs = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const kept = new URLSearchParams();
  for (const [name, value] of pairs) if (value) kept.append(name, value);
  const path = `#/${segments.map(encodeURIComponent).join("/")}`;
  const text = kept.toString().replaceAll(/%(?:40|3A|2F|2C)/g, decodeURIComponent);
  return text ? `${path}?${text}` : path;
}

let current = $state.raw(parseRoute(location.hash));

export function route(): Route {
  return current;
}

/** Goes to an address. `replace` leaves no step to come back to: for typing and moving along. */
export function go(to: string, { replace = false } = {}) {
  if (to === location.hash) return;
  if (replace) history.replaceState(history.state, "", to);
  else history.pushState(null, "", to);
  current = parseRoute(location.hash);
}

export function listenForRoutes(target: Window): () => void {
  const onChange = () => {
    current = parseRoute(location.hash);
  };
  onChange();
  target.addEventListener("hashchange", onChange);
  target.addEventListener("popstate", onChange);
  return () => {
    target.removeEventListener("hashchange", onChange);
    target.removeEventListener("popstate", onChange);
  };
}
