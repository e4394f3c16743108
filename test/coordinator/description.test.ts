import { createRegistry, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect } from "chai";
import { EXAMPLES } from "../../src/coordinator/description/examples.js";
import { describePublicApi } from "../../src/coordinator/description/document.js";
import { PUBLIC_SERVICES } from "../../src/gateway/index.js";
import { readBindings } from "../../src/transcoding/index.js";
import { launchChromium } from "../support/chromium.js";
import { openDoor, type Door } from "./support/door.js";

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: object }[];
  readonly requestBody?: object;
  readonly security?: readonly object[];
  readonly responses: Readonly<Record<string, { readonly content?: object }>>;
}

const document = describePublicApi(PUBLIC_SERVICES) as unknown as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonObject>> };
};
const operations = new Map(
  Object.values(document.paths)
    .flatMap((item) => Object.values(item))
    .map((operation) => [operation.operationId, operation]),
);

function operation(id: string): Operation {
  const found = operations.get(id);
  if (found === undefined) throw new Error(`no operation ${id}`);
  return found;
}

const schema = (name: string): JsonObject => {
  const found = document.components.schemas[name];
  if (found === undefined) throw new Error(`no schema ${name}`);
  return found;
};

describe("the description of the API", () => {
  it("has no error by the rules of others", async function () {
    this.timeout(30_000);
    // Examples are checked below, by the schemas as they stand: the linter closes each part of a schema by itself.
    const rules = { "no-invalid-schema-examples": "off" } as const;
    const config = await createConfig({ extends: ["recommended"], rules });
    const problems = await lintFromString({ source: JSON.stringify(document), config });
    expect(problems.map(({ message, location }) => [message, location[0]?.pointer])).to.deep.equal(
      [],
    );
  });

  it("has an operation for every rule of every method", () => {
    const rules = PUBLIC_SERVICES.flatMap(({ methods }) => methods).flatMap(readBindings);
    expect(operations.size).to.equal(rules.length);
  });

  it("says where a request says what", () => {
    const update = operation("EventService_UpdateEvent");
    const places = update.parameters?.map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(places).to.include.members([
      "path calendar",
      "path event",
      "query updateMask",
      "header If-Match",
      "header Idempotency-Key",
    ]);
    expect(places?.filter((place) => place.startsWith("query event"))).to.be.empty;
    expect(update.requestBody).to.have.property("required", true);
    expect(operation("EventService_GetEvent")).not.to.have.property("requestBody");
  });

  it("says that reads may be old, and of nothing else", () => {
    const mayBeOld = [...operations.values()].filter(({ parameters = [] }) =>
      parameters.some(({ name }) => name === "cabildo-max-staleness"),
    );
    const names = mayBeOld.map(({ operationId }) => operationId);
    expect(names).to.include.members(["EventService_GetEvent", "SyncService_WatchChanges"]);
    expect(names).not.to.include("EventService_CreateEvent");
    const [first] = mayBeOld;
    const parameter = first?.parameters?.find(({ name }) => name === "cabildo-max-staleness");
    expect(parameter).to.deep.include({
      in: "header",
      schema: { type: "string", pattern: String.raw`^\d{1,2}(\.\d{1,3})?s$` },
    });
  });

  it("splits the pattern of a name over the parts of a path", () => {
    const [, event] = operation("EventService_GetEvent").parameters ?? [];
    expect(event?.schema).to.deep.include({
      pattern: "^e[0-9a-hjkmnp-tv-z]{26}(_[0-9]{8}t[0-9]{6}z)?$",
    });
  });

  it("knows the limits of the contracts", () => {
    expect(schema("Reminder")["properties"]).to.have.deep.property("minutesBefore", {
      ...{ type: "integer", format: "int32", minimum: 0, maximum: 40320 },
      description: "Before the start.",
    });
    const properties = schema("Event")["properties"];
    expect(properties).to.have.nested.property("attendees.maxItems", 200);
    expect(properties).to.have.nested.property("labels.maxProperties", 32);
    expect(properties).to.have.nested.property("labels.propertyNames.maxLength", 63);
    expect(schema("LoginRequest")["required"]).to.deep.equal(["userId", "password"]);
  });

  it("tells what only the cluster sets and what is never answered", () => {
    expect(schema("Event")["properties"]).to.have.nested.property("state.readOnly", true);
    const password = { type: "string", maxLength: 512, writeOnly: true, minLength: 8 };
    expect(schema("RegisterRequest")["properties"]).to.have.deep.property("password", password);
  });

  it("asks of an answer nothing that proto3 JSON leaves out", () => {
    expect(schema("Event")).not.to.have.property("required");
    expect(schema("EventInput")["required"]).to.deep.equal(["title"]);
  });

  it("asks for a token but where none is needed", () => {
    const open = [...operations.values()].filter(({ security }) => security?.length === 0);
    expect(open.map(({ operationId }) => operationId)).to.deep.equal([
      "AuthService_Login",
      "AuthService_Refresh",
      "AuthService_Register",
      "AuthService_ResetPassword",
    ]);
  });

  it("tells a stream from an answer", () => {
    const { responses } = operation("SyncService_WatchChanges");
    expect(Object.keys(responses["200"]?.content ?? {})).to.deep.equal(["text/event-stream"]);
  });

  it("gives examples that are what they say", () => {
    const registry = createRegistry(...PUBLIC_SERVICES.map(({ file }) => file));
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema({ $id: "doc", ...document });
    for (const [typeName, example] of Object.entries(EXAMPLES)) {
      const message = registry.getMessage(typeName);
      if (message === undefined) throw new Error(`no message ${typeName}`);
      fromJson(message, example);
      const short = typeName.replace("cabildo.v1.", "");
      const valid = ajv.validate({ $ref: `doc#/components/schemas/${short}` }, example);
      expect(ajv.errors, typeName).to.equal(null);
      expect(valid).to.equal(true);
      expect(schema(short)["examples"]).to.deep.equal([example]);
    }
  });
});

describe("a coordinator that describes its API", () => {
  let door: Door;
  before(async () => {
    door = await openDoor();
  });
  after(async () => {
    await door.close();
  });

  it("gives the document to programs, and not again if they have it", async () => {
    const { status, headers, text } = await door.send("GET", "/openapi.json");
    expect(status).to.equal(200);
    expect(headers["content-type"]).to.equal("application/json");
    expect(JSON.parse(text)).to.deep.equal(document);
    const again = await door.send("GET", "/openapi.json", {
      "if-none-match": String(headers.etag),
    });
    expect(again).to.include({ status: 304, text: "" });
  });

  it("says nothing where it is told to", async () => {
    const silent = await openDoor({ reflection: false });
    for (const path of ["/openapi.json", "/docs"]) {
      expect((await silent.send("GET", path)).status, path).to.equal(404);
    }
    await silent.close();
  });

  it("shows it in a browser, with nothing from elsewhere", async function () {
    this.timeout(60_000);
    const browser = await launchChromium(this, "the page of the API is not looked at");
    try {
      const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
      const problems: string[] = [];
      const asked = new Set<string>();
      page.on("console", (line) => line.type() === "error" && problems.push(line.text()));
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("request", (request) => asked.add(new URL(request.url()).origin));
      await page.goto(`${door.url}/docs`);
      await page.getByText("/v1/calendars/{calendar}/events/{event}:cancel").waitFor();
      await page
        .locator("#operations-EventService-EventService_CreateEvent button")
        .first()
        .click();
      await page.getByText("America/Havana").first().waitFor();
      const shot = process.env["SCREENSHOT"];
      if (shot !== undefined) await page.screenshot({ path: shot, fullPage: true });
      expect(problems).to.be.empty;
      asked.delete("null");
      expect([...asked]).to.deep.equal([door.url]);
    } finally {
      await browser.close();
    }
  });
});
