// Opens pages in a browser as people do, and says what is wrong with each: nothing may be loaded or logged, nothing may be
// wider than the screen, axe and html-validate may find nothing.
//
// Arguments: the browser, then the pages. Prints one line for each thing that is wrong, and how many pages it looked at.
"use strict";

const path = require("node:path");
const { createRequire } = require("node:module");
const { pathToFileURL } = require("node:url");
const { readFile } = require("node:fs/promises");

const required = createRequire(path.join(process.cwd(), "here.js"));
const puppeteer = required("puppeteer-core");
const axe = required.resolve("axe-core/axe.min.js");
const { HtmlValidate } = required("html-validate");

const WIDTHS = [320, 900, 1600];
const SCHEMES = ["light", "dark"];

const validator = new HtmlValidate({
  extends: ["html-validate:recommended", "html-validate:a11y"],
  rules: {
    // Parts of a drawing end in `/>`, as in XML; the title has the name of a plan, which may be long.
    "void-style": "off",
    "long-title": "off",
  },
});

async function validated(file, wrong) {
  const report = await validator.validateString(await readFile(file, "utf8"), file);
  for (const { messages } of report.results) {
    for (const one of messages) wrong(`html-validate: ${one.ruleId}: ${one.message} (line ${one.line})`);
  }
}

async function seen(browser, file, wrong) {
  const page = await browser.newPage();
  const own = pathToFileURL(file).href;
  page.on("console", (message) => wrong(`console: ${message.text()}`));
  page.on("pageerror", (error) => wrong(`error: ${error}`));
  page.on("request", (request) => {
    if (request.url() !== own) wrong(`request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    wrong(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(own);
  for (const width of WIDTHS) {
    await page.setViewport({ width, height: 900 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) wrong(`${wide} pixels wide on a screen of ${width}`);
  }
  const scripts = await page.evaluate(() => document.querySelectorAll("script, iframe, img, link, object").length);
  if (scripts > 0) wrong(`${scripts} elements that load or run something`);
  await page.emulateMediaType("print");
  const folded = await page.evaluate(() =>
    [...document.querySelectorAll("details table")].filter((one) => one.getBoundingClientRect().height < 1).length);
  if (folded > 0) wrong(`${folded} tables that are not printed`);
  await page.emulateMediaType("screen");
  await page.close();
}

async function accessible(browser, file, wrong) {
  const page = await browser.newPage();
  // The page's own policy lets no script in, axe included.
  await page.setBypassCSP(true);
  await page.setViewport({ width: 900, height: 900 });
  await page.goto(pathToFileURL(file).href);
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  await page.addScriptTag({ path: axe });
  for (const scheme of SCHEMES) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    const { violations } = await page.evaluate(() => window.axe.run());
    for (const one of violations) {
      const where = one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ");
      wrong(`axe, ${scheme}: ${one.id}: ${one.help}: ${where}`);
    }
  }
  await page.close();
}

async function main() {
  const [executablePath, ...files] = process.argv.slice(2);
  const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    for (const file of files) {
      const wrong = (text) => console.log(`${path.basename(file)}: ${text}`);
      await validated(file, wrong);
      await seen(browser, file, wrong);
      await accessible(browser, file, wrong);
    }
    console.log(`${files.length} pages`);
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
