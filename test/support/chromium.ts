import { existsSync } from "node:fs";
import type { Context } from "mocha";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";

/** Where Debian puts it. */
const CHROMIUM = "/usr/bin/chromium";

/** Skips the tests, saying what is not tried, on a machine without the browser. The caller closes it. */
export async function launchChromium(context: Context, notTried: string): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    console.warn(`there is no ${CHROMIUM}: ${notTried}`);
    context.skip();
  }
  return await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--lang=en"],
  });
}
