import { Client, experimental } from "@grpc/grpc-js";
import { CertificateProvider, channelOptions, serverIdentityCheck } from "../wire/index.js";
import type { TlsMaterial } from "../wire/index.js";

export interface NodeAddress {
  readonly name: string;
  /** host:port. */
  readonly address: string;
}

/** Opens a channel of its own to a node. */
export type Dial = (node: NodeAddress) => Client;

export function createDial(clusterName: string, tls: TlsMaterial): Dial {
  const certificates = new CertificateProvider(tls);
  const channelCredentials = experimental.createCertificateProviderChannelCredentials(
    certificates,
    certificates,
    { checkServerIdentity: serverIdentityCheck({ cluster: clusterName, role: "node" }) },
  );
  return ({ name, address }) => new Client(address, channelCredentials, channelOptions(name));
}
