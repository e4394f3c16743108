import { MemoryDisk, openMemoryStore } from "../../src/storage/index.js";
import { describeStore } from "../contracts/store.contract.js";

describeStore("a store on memory", () => {
  const disk = new MemoryDisk();
  return Promise.resolve({
    open: () => openMemoryStore({ disk }),
    dispose: () => Promise.resolve(),
  });
});
