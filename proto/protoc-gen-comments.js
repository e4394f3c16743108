/**
 * Keeps the comments of the public protos, which descriptors at run time do not have: full name -> text. Run by buf.
 */
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { createEcmaScriptPlugin, getComments, runNodeJs } from "@bufbuild/protoplugin";

/** Of the services that the public door serves. */
const FOLDERS = ["cabildo/v1/", "cabildo/admin/v1/"];

/** Lines of a paragraph become one; an empty line stays between paragraphs. */
const flow = (text) =>
  text
    .split(/\n\s*\n/u)
    .map((paragraph) => paragraph.trim().replace(/\s*\n\s*/gu, " "))
    .join("\n\n");

function membersOf(type) {
  switch (type.kind) {
    case "message":
      return type.members;
    case "enum":
      return type.values;
    case "service":
      return type.methods;
    default:
      return [];
  }
}

const nameOf = (desc) => desc.typeName ?? `${desc.parent.typeName}.${desc.name}`;

function generateTs(schema) {
  const files = schema.files.filter(({ name }) =>
    FOLDERS.some((folder) => name.startsWith(folder)),
  );
  if (files.length === 0) return;
  const comments = files
    .flatMap((file) => [...nestedTypes(file)])
    .flatMap((type) => [type, ...membersOf(type)])
    .map((desc) => [nameOf(desc), flow(getComments(desc).leading ?? "")])
    .filter(([, text]) => text !== "")
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const file = schema.generateFile("cabildo/v1/comments.ts");
  file.print("// Generated from the protos by protoc-gen-comments.");
  file.print("/** What the protos say of each service, method, message, field and enumeration, by full name. */");
  file.print("export const COMMENTS: Readonly<Record<string, string>> = {");
  for (const [name, text] of comments) {
    file.print(`  ${JSON.stringify(name)}: ${JSON.stringify(text)},`);
  }
  file.print("};");
}

runNodeJs(createEcmaScriptPlugin({ name: "protoc-gen-comments", version: "1", generateTs }));
