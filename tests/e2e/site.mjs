// SPDX-License-Identifier: GPL-3.0-or-later
//
// A small web app as browsers meet them, plain Node, no packages: a page with a style sheet, a
// script module that imports another, images, a font-sized download, an upload by fetch, a form,
// and server-sent events.
//
//   node site.mjs [--port N] [--name NAME]
//
// Prints one line, "ready PORT", when it answers. Ends when its stdin ends.
// /control/log tells what it saw: [{url, method, proto, version, length}]

import { createHash } from "node:crypto";
import http from "node:http";
import * as zlib from "node:zlib";

const port = Number(process.argv[process.argv.indexOf("--port") + 1] ?? 0);
const IMAGES = 24;
const log = [];
const listeners = new Set();

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc(body), body.length + 4);
  return out;
}

// zlib.crc32 came with Node 20; Debian 12 has 18.
function crc(data) {
  if (zlib.crc32) return zlib.crc32(data);
  let c = ~0;
  for (const byte of data) {
    c ^= byte;
    for (let i = 0; i < 8; i++) c = (c >>> 1) ^ (0xedb88320 & -(c & 1));
  }
  return ~c >>> 0;
}

// A picture of random noise, so that it does not compress: about 30 KB.
function png(seed) {
  const size = 100;
  const rows = [];
  for (let y = 0; y < size; y++) {
    const row = [Buffer.from([0])];
    for (let x = 0; x * 32 < size * 3; x++)
      row.push(createHash("sha256").update(`${seed} ${x} ${y}`).digest());
    rows.push(Buffer.concat(row).subarray(0, 1 + size * 3));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", zlib.deflateSync(Buffer.concat(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const images = Array.from({ length: IMAGES }, (_, i) => png(i));

const page = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>site</title>
<link rel="stylesheet" href="/style.css">
<script type="module" src="/main.mjs"></script>
<h1>site</h1>
<p>${images.map((_, i) => `<img src="/image/${i}.png" alt="">`).join("")}</p>
</html>
`;

const main = `import { answer } from "/part.mjs";
window.answer = answer;

window.upload = async (size) => {
  const bytes = new Uint8Array(size).map((_, i) => (i * 7 + (i >> 8)) & 255);
  const reply = await fetch("/upload", { method: "POST", body: bytes });
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = [...hash].map((b) => b.toString(16).padStart(2, "0")).join("");
  return { ...(await reply.json()), wanted: hex };
};

window.form = async () => {
  const data = new FormData();
  data.append("name", "value \\u20ac");
  data.append("file", new Blob(["in the file"]), "a.txt");
  return (await fetch("/form", { method: "POST", body: data })).json();
};

window.events = (n) =>
  new Promise((resolve, reject) => {
    const got = [];
    const source = new EventSource("/events");
    source.onerror = () => reject(new Error("the event stream broke after " + got.length));
    source.onopen = () => fetch("/say?0", { method: "POST" });
    source.onmessage = (event) => {
      got.push(event.data);
      if (got.length < n) fetch("/say?" + got.length, { method: "POST" });
      else { source.close(); resolve(got); }
    };
  });
`;

async function read(req) {
  const hash = createHash("sha256");
  const parts = [];
  let length = 0;
  for await (const part of req) {
    hash.update(part);
    length += part.length;
    if (length < 65536) parts.push(part);
  }
  return { length, sha256: hash.digest("hex"), text: Buffer.concat(parts).toString() };
}

function send(res, type, body, fields = {}) {
  res.writeHead(200, { "content-type": type, "content-length": Buffer.byteLength(body), ...fields });
  res.end(body);
}

const json = (res, value) => send(res, "application/json", JSON.stringify(value));

const routes = {
  "": (req, res) => send(res, "text/html", page, { "set-cookie": "seen=1; Secure; HttpOnly" }),
  "style.css": (req, res) => send(res, "text/css", "body { background: url(/image/0.png?style) }"),
  "main.mjs": (req, res) => send(res, "text/javascript", main),
  "part.mjs": (req, res) => send(res, "text/javascript", "export const answer = 42;"),
  "favicon.ico": (req, res) => send(res, "image/png", images[0]),
  image: (req, res, url) => send(res, "image/png", images[parseInt(url.pathname.split("/")[2], 10)]),
  upload: async (req, res) => json(res, await read(req)),
  form: async (req, res) => json(res, { type: req.headers["content-type"], ...(await read(req)) }),
  events: (req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    res.flushHeaders();
    listeners.add(res);
    res.on("close", () => listeners.delete(res));
  },
  say: (req, res, url) => {
    for (const listener of listeners) listener.write(`data: event ${url.search.slice(1)}\n\n`);
    send(res, "text/plain", "");
  },
  control: (req, res) => json(res, { log, listeners: listeners.size }),
};

const server = http.createServer((req, res) => {
  const url = new URL(req.url, "http://app");
  const route = routes[url.pathname.split("/")[1]];
  if (!url.pathname.startsWith("/control/"))
    log.push({
      url: req.url,
      method: req.method,
      proto: req.headers["x-forwarded-proto"],
      version: req.headers["x-forwarded-proto-version"],
      cookie: req.headers.cookie,
    });
  if (route) return route(req, res, url);
  res.writeHead(404);
  res.end();
});

server.listen(port || 0, "127.0.0.1", () => console.log(`ready ${server.address().port}`));
process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
