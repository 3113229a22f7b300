import type { TargetForm } from "../targets";

/** What the fields of each kind of target are given. */
export interface FieldsProps {
  form: TargetForm;
  /** What is wrong with single fields, by the service's names of them. */
  problems: Record<string, string | undefined>;
  /** Whether a password or key is stored, which stays unless another is written. */
  hasSecret: boolean;
}
