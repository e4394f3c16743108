import { create, toBinary, type DescFile, type DescService } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import {
  ServerReflectionResponseSchema,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";

const NOT_FOUND = 5;
const INVALID_ARGUMENT = 3;

type Answer = ServerReflectionResponse["messageResponse"];

/** Answers one request of grpc.reflection.v1; v1alpha has the same bytes under another name. */
export type Reflection = (request: ServerReflectionRequest) => ServerReflectionResponse;

/** Describes these services, the files that they need, and further files, to tools such as grpcurl. */
export function createReflection(
  services: readonly DescService[],
  further: readonly DescFile[] = [],
): Reflection {
  const files = new Map<string, DescFile>();
  for (const { file } of services) collect(file, files);
  for (const file of further) collect(file, files);
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  for (const file of files.values()) index(file, symbols, extensions);

  const answer = (request: ServerReflectionRequest["messageRequest"]): Answer => {
    switch (request.case) {
      case "listServices":
        return listServices(services);
      case "fileByFilename":
        return describe(files.get(request.value), `file ${request.value}`);
      case "fileContainingSymbol":
        return describe(symbols.get(request.value), `symbol ${request.value}`);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = request.value;
        const file = extensions.get(containingType)?.get(extensionNumber);
        return describe(file, `extension ${extensionNumber} of ${containingType}`);
      }
      case "allExtensionNumbersOfType": {
        if (!symbols.has(request.value)) return failure(NOT_FOUND, `no type ${request.value}`);
        const numbers = [...(extensions.get(request.value)?.keys() ?? [])];
        return {
          case: "allExtensionNumbersResponse",
          value: {
            $typeName: "grpc.reflection.v1.ExtensionNumberResponse",
            baseTypeName: request.value,
            extensionNumber: numbers.sort((a, b) => a - b),
          },
        };
      }
      case undefined:
        return failure(INVALID_ARGUMENT, "nothing was asked");
    }
  };
  return (request) =>
    create(ServerReflectionResponseSchema, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: answer(request.messageRequest),
    });
}

function collect(file: DescFile, files: Map<string, DescFile>): void {
  if (files.has(file.proto.name)) return;
  files.set(file.proto.name, file);
  for (const dependency of file.dependencies) collect(dependency, files);
}

function index(
  file: DescFile,
  symbols: Map<string, DescFile>,
  extensions: Map<string, Map<number, DescFile>>,
): void {
  for (const type of nestedTypes(file)) {
    symbols.set(type.typeName, file);
    switch (type.kind) {
      case "service":
        for (const { name } of type.methods) symbols.set(`${type.typeName}.${name}`, file);
        break;
      case "message":
        for (const { name } of type.fields) symbols.set(`${type.typeName}.${name}`, file);
        break;
      case "enum":
        for (const { name } of type.values) symbols.set(`${type.typeName}.${name}`, file);
        break;
      case "extension": {
        const numbers = extensions.get(type.extendee.typeName) ?? new Map<number, DescFile>();
        extensions.set(type.extendee.typeName, numbers.set(type.number, file));
      }
    }
  }
}

function listServices(services: readonly DescService[]): Answer {
  const service = services
    .map(({ typeName }) => typeName)
    .sort()
    .map((name) => ({ $typeName: "grpc.reflection.v1.ServiceResponse" as const, name }));
  return {
    case: "listServicesResponse",
    value: { $typeName: "grpc.reflection.v1.ListServiceResponse", service },
  };
}

/** The file first, then all that it imports. */
function describe(file: DescFile | undefined, what: string): Answer {
  if (file === undefined) return failure(NOT_FOUND, `no ${what}`);
  const closure = new Map<string, DescFile>();
  collect(file, closure);
  return {
    case: "fileDescriptorResponse",
    value: {
      $typeName: "grpc.reflection.v1.FileDescriptorResponse",
      fileDescriptorProto: [...closure.values()].map(({ proto }) =>
        toBinary(FileDescriptorProtoSchema, proto),
      ),
    },
  };
}

function failure(errorCode: number, errorMessage: string): Answer {
  return {
    case: "errorResponse",
    value: { $typeName: "grpc.reflection.v1.ErrorResponse", errorCode, errorMessage },
  };
}
