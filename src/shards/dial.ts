import { Client, credentials } from "@grpc/grpc-js";
import { channelOptions, serverIdentityCheck } from "../wire/index.js";

/** PEM texts: the cluster's CA, this process's certificate chain and its key. */
export interface TlsMaterial {
  readonly ca: Uint8Array;
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
}

export interface NodeAddress {
  readonly name: string;
  /** host:port. */
  readonly address: string;
}

/** Opens a channel of its own to a node. */
export type Dial = (node: NodeAddress) => Client;

export function createDial(clusterName: string, tls: TlsMaterial): Dial {
  const channelCredentials = credentials.createSsl(
    Buffer.from(tls.ca),
    Buffer.from(tls.key),
    Buffer.from(tls.cert),
    { checkServerIdentity: serverIdentityCheck({ cluster: clusterName, role: "node" }) },
  );
  return ({ name, address }) => new Client(address, channelCredentials, channelOptions(name));
}
