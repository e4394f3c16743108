import {
  create,
  toBinary,
  toJsonString,
  type DescMessage,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { UnaryGrpc } from "../unary-grpc.js";
import { envelope } from "./envelope.js";
import { Http1Load } from "./http1-load.js";
import { Http2Load } from "./http2-load.js";
import type { HttpLoad, HttpVersion } from "./http-load.js";

export interface Door {
  readonly api: string;
  readonly token: string;
  readonly ca: string;
}

/** A method of the API, what it is asked, and how plain HTTP asks the same. */
export interface Asked {
  readonly service: string;
  readonly method: string;
  readonly schema: DescMessage;
  readonly init: () => MessageInitShape<DescMessage>;
  readonly rest: () => { readonly method: string; readonly path: string; readonly body?: string };
}

/** A protocol over a version of HTTP, and one call over both. */
export interface Way {
  readonly protocol: string;
  readonly http: HttpVersion;
  readonly call: () => Promise<void>;
}

export interface Ways {
  readonly all: readonly Way[];
  readonly renew: (token: string) => void;
  readonly close: () => void;
}

/** Every way to ask one thing, gRPC first. Whoever opens them closes them. */
export function openWays({ api, token, ca }: Door, asked: Asked): Ways {
  const { service, method, schema, init, rest } = asked;
  const path = `/${service}/${method}`;
  const address = `localhost:${new URL(api).port}`;
  const grpc = new UnaryGrpc({ address, path, ca, token });
  const http2 = new Http2Load(api, token, ca);
  const http1 = new Http1Load(api, token, ca);
  const clients = [grpc, http2, http1];
  const message = () => create(schema, init());
  const bytes = (): Uint8Array => toBinary(schema, message());
  const post = { method: "POST", path };
  const web = { ...post, contentType: "application/grpc-web+proto" };
  const json = { ...post, contentType: "application/json" };
  const overBoth: Readonly<Record<string, (load: HttpLoad) => Promise<void>>> = {
    "gRPC-Web": (load) => load.call({ ...web, body: envelope(bytes()) }),
    "Connect, JSON": (load) => load.call({ ...json, body: toJsonString(schema, message()) }),
    REST: (load) => load.call({ contentType: "application/json", ...rest() }),
  };
  return {
    all: [
      { protocol: "gRPC", http: "2", call: () => grpc.call(bytes()) },
      ...Object.entries(overBoth).flatMap(([protocol, call]): Way[] => [
        { protocol, http: "2", call: () => call(http2) },
        { protocol, http: "1.1", call: () => call(http1) },
      ]),
    ],
    renew: (next) => clients.forEach((client) => client.renew(next)),
    close: () => clients.forEach((client) => client.close()),
  };
}
