import { describeStore } from "../contracts/store.contract.js";
import { StoreDirectory } from "./rocksdb-directory.js";

describeStore("a store on RocksDB", () => StoreDirectory.create());
