// Azure's blobs by Azurite, whose main module is the first argument, with one container; says where it is and ends with
// its standard input. The account and its key are those that every Azurite has.
"use strict";

const crypto = require("crypto");
const http = require("http");

const account = "devstoreaccount1";
const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

function makeContainer(address, name) {
  const headers = { "x-ms-date": new Date().toUTCString(), "x-ms-version": "2021-08-06" };
  const sent = Object.entries(headers).map(([header, value]) => `${header}:${value}\n`).join("");
  const text = `PUT${"\n".repeat(12)}${sent}/${account}/${account}/${name}\nrestype:container`;
  const signature = crypto.createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
  headers.Authorization = `SharedKey ${account}:${signature}`;
  headers["Content-Length"] = 0;
  const url = `${address}/${account}/${name}?restype=container`;
  return new Promise((done, failed) => {
    const asked = http.request(url, { method: "PUT", headers }, (answer) => {
      answer.resume();
      answer.statusCode === 201 ? done() : failed(new Error(`a container: ${answer.statusCode}`));
    });
    asked.on("error", failed).end();
  });
}

process.stdin.on("end", () => process.exit(0)).resume();
console.log = (line) => {
  const found = /successfully listens on (http:\S+)/.exec(line);
  if (found) {
    const [, address] = found;
    makeContainer(address, "shelf").then(
      () => process.stdout.write(`${address}/${account}\n`),
      (error) => { process.stderr.write(`${error}\n`); process.exit(1); },
    );
  }
};
const [main] = process.argv.splice(2, 1);
process.argv.push("--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--silent");
require(main);
