/** A bug that a consensus engine has had, or could have, as a change of one place in the source. */
export interface Mutant {
  /** Short, unique. */
  readonly name: string;
  readonly bug: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Test files that must notice, the most likely one first. */
  readonly tests: readonly string[];
  /** So many lives of the simulation are tried where no test noticed. */
  readonly seeds: number;
  /** With --soak: a minute of subscribers while anything dies must notice it too. */
  readonly soak?: true;
}
