import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

/** What requests may be compressed with, and responses are, to clients that take it. */
export const COMPRESSIONS = [compressionGzip, compressionBrotli];
