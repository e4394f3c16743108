import { flag } from "../bench/flag.js";
import { soak } from "./soak.js";

const minutes = Number(flag("minutes", "1"));
const subscribers = Number(flag("subscribers", "200"));
const seed = Number(flag("seed", String(Date.now() % 1_000_000)));

console.log(`seed ${seed}: ${minutes} minutes, ${subscribers} subscribers`);
const { faults, changes, strikes, closes, heardOn, ...numbers } = await soak({
  seconds: minutes * 60,
  subscribers,
  seed,
});
console.log(JSON.stringify({ ...numbers, ...Object.fromEntries(strikes) }));
console.log(`committed meanwhile: ${JSON.stringify(Object.fromEntries(changes))}`);
console.log(`heard on: ${JSON.stringify(Object.fromEntries(heardOn))}`);
console.log(`connections ended by code: ${JSON.stringify(Object.fromEntries(closes))}`);
for (const fault of faults.slice(0, 20)) console.log(fault);
console.log(faults.length === 0 ? "nothing lost, nothing twice" : `${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
