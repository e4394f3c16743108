import { AGENDA } from "./agenda.js";
import { CONSENSUS } from "./consensus.js";
import { DISK } from "./disk.js";
import { LIVE } from "./live.js";
import type { Mutant } from "./mutant.js";
import { STATE } from "./state.js";

export const MUTANTS: readonly Mutant[] = [...CONSENSUS, ...DISK, ...STATE, ...LIVE, ...AGENDA];
