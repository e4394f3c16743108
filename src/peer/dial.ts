import { Client, experimental } from "@grpc/grpc-js";
import { CertificateProvider, channelOptions, serverIdentityCheck } from "../wire/index.js";
import type { TlsMaterial } from "../wire/index.js";

/** Opens a channel of its own to a node: a name is needed to check that it is the node we meant. */
export type Dial = (peer: { readonly name: string; readonly address: string }) => Client;

export function createDial(clusterName: string, tls: TlsMaterial): Dial {
  const certificates = new CertificateProvider(tls);
  const channelCredentials = experimental.createCertificateProviderChannelCredentials(
    certificates,
    certificates,
    { checkServerIdentity: serverIdentityCheck({ cluster: clusterName, role: "node" }) },
  );
  return ({ name, address }) => new Client(address, channelCredentials, channelOptions(name));
}
