// SPDX-License-Identifier: GPL-3.0-or-later
//
// The app behind the gateway, as a developer might have it: plain Node, no
// packages. It also tells what it saw, so that tests can compare.
//
//   node app.mjs [--port N | --unix PATH] [--name NAME] [--tls-cert FILE --tls-key FILE]
//
// Prints one line, "ready PORT", when it answers. Ends when its stdin ends.
//
// For every client:
//   ANY  /inspect          what arrived, as JSON: rawHeaders, rawTrailers, length, sha256, body
//   ANY  /echo             the body comes back while it arrives
//   POST /upload           {"length", "sha256"}
//   GET  /blob/N           N bytes of the known content; ?chunked: without content-length
//   GET  /gated?gate=G&n=N&size=S   N pieces of S bytes, each one after a permit; ?length: with
//                          content-length
//   GET  /sse?gate=G&n=N   the first event at once, each further one after a permit
//   GET  /trailers         a chunked body, then trailers
//   GET  /early            103 with a link, then 200
//   ANY  /stall            never answers
//   POST /unread           never reads the body and never answers
//   ANY  /status/N         that status, no body
// 100-continue: sent at once, but not for /refuse (413 instead).
//
// For the test itself:
//   POST /control/permit?gate=G&n=N
//   GET  /control/log      [{url, event}]: "begin", then "end" or "aborted"
//   GET  /control/written  bytes written so far to the connections of /blob
//   GET  /control/received?url=U   body bytes of requests for U so far

import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";

const options = {};
for (let i = 2; i < process.argv.length; i += 2)
  options[process.argv[i].replace(/^--/, "")] = process.argv[i + 1];

const name = options.name ?? "app";
const log = [];
const blobSockets = new Set();
const received = new Map();
let connections = 0;

// The known content: a pattern of prime length, repeated. upstreams.py has the same.
const PATTERN = (() => {
  const parts = [];
  for (let i = 0; i * 32 < 65521; i++)
    parts.push(createHash("sha256").update(`h3gw ${i}`).digest());
  return Buffer.concat(parts).subarray(0, 65521);
})();

async function* content(size) {
  for (let sent = 0; sent < size; sent += PATTERN.length)
    yield PATTERN.subarray(0, Math.min(PATTERN.length, size - sent));
}

// Permits: tests say when the next piece may go.
const gates = new Map();

function gate(key) {
  if (!gates.has(key)) gates.set(key, { permits: 0, waiters: [] });
  return gates.get(key);
}

function permit(key, count) {
  const g = gate(key);
  g.permits += count;
  while (g.permits > 0 && g.waiters.length > 0) {
    g.permits--;
    g.waiters.shift()();
  }
}

async function permitted(key) {
  const g = gate(key);
  if (g.permits > 0) g.permits--;
  else await new Promise((resolve) => g.waiters.push(resolve));
}

async function write(res, data) {
  if (!res.write(data)) await Promise.race([once(res, "drain"), once(res, "close")]);
}

function json(res, value, status = 200) {
  const text = JSON.stringify(value) + "\n";
  res.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "x-app": name,
  });
  res.end(text);
}

async function read(req) {
  const hash = createHash("sha256");
  const head = [];
  let length = 0;
  for await (const chunk of req) {
    hash.update(chunk);
    received.set(req.url, (received.get(req.url) ?? 0) + chunk.length);
    if (length < 65536) head.push(chunk);
    length += chunk.length;
  }
  return { length, sha256: hash.digest("hex"), body: Buffer.concat(head).subarray(0, 65536) };
}

const routes = {
  async inspect(req, res) {
    const { length, sha256, body } = await read(req);
    json(res, {
      name,
      method: req.method,
      url: req.url,
      httpVersion: req.httpVersion,
      rawHeaders: req.rawHeaders,
      rawTrailers: req.rawTrailers,
      length,
      sha256,
      body: body.toString("latin1"),
      connection: req.socket.h3gwNumber,
    });
  },

  async echo(req, res) {
    const head = { "content-type": req.headers["content-type"] ?? "application/octet-stream" };
    res.writeHead(200, head);
    res.flushHeaders?.();
    for await (const chunk of req) await write(res, chunk);
    res.end();
  },

  async upload(req, res) {
    const { length, sha256 } = await read(req);
    json(res, { length, sha256 });
  },

  async blob(req, res, url) {
    const size = Number(url.pathname.split("/")[2]);
    const head = { "content-type": "application/octet-stream" };
    if (!url.searchParams.has("chunked")) head["content-length"] = size;
    res.writeHead(200, head);
    if (req.method === "HEAD") return res.end();
    blobSockets.add(req.socket);
    for await (const piece of content(size)) {
      if (res.destroyed) return;
      await write(res, piece);
    }
    res.end();
  },

  async gated(req, res, url) {
    const [n, size] = ["n", "size"].map((key) => Number(url.searchParams.get(key)));
    const head = { "content-type": "application/octet-stream" };
    if (url.searchParams.has("length")) head["content-length"] = n * size;
    res.writeHead(200, head);
    res.flushHeaders();
    for (let i = 0; i < n; i++) {
      await permitted(url.searchParams.get("gate"));
      if (res.destroyed) return;
      await write(res, Buffer.alloc(size, 97 + (i % 26)));
    }
    res.end();
  },

  async sse(req, res, url) {
    res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    for (let i = 0; i < Number(url.searchParams.get("n")); i++) {
      if (i > 0) await permitted(url.searchParams.get("gate"));
      await write(res, `id: ${i}\ndata: event ${i}\n\n`);
    }
    res.end();
  },

  async trailers(req, res) {
    res.writeHead(200, { "content-type": "text/plain", trailer: "x-checksum, x-count" });
    res.write("with ");
    res.write("trailers\n");
    res.addTrailers({ "x-checksum": "abc123", "x-count": "2" });
    res.end();
  },

  async early(req, res) {
    await new Promise((resolve) =>
      res.writeEarlyHints({ link: "</style.css>; rel=preload; as=style", "x-hint": "1" }, resolve),
    );
    res.writeHead(200, { "content-type": "text/plain", "content-length": 6 });
    res.end("early\n");
  },

  async stall(req) {
    req.resume();
  },

  async unread() {},

  async status(req, res, url) {
    await read(req);
    res.writeHead(Number(url.pathname.split("/")[2]));
    res.end();
  },

  async control(req, res, url) {
    const what = url.pathname.split("/")[2];
    if (what === "permit") {
      permit(url.searchParams.get("gate"), Number(url.searchParams.get("n") ?? 1));
      return json(res, {});
    }
    if (what === "log") return json(res, log);
    if (what === "written")
      return json(res, [...blobSockets].reduce((sum, s) => sum + s.bytesWritten, 0));
    if (what === "received") return json(res, received.get(url.searchParams.get("url")) ?? 0);
    json(res, { error: "no such control" }, 404);
  },
};

function handle(req, res) {
  const url = new URL(req.url, "http://app");
  const route = routes[url.pathname.split("/")[1]];
  if (!url.pathname.startsWith("/control/")) {
    log.push({ url: req.url, event: "begin" });
    res.on("close", () =>
      log.push({ url: req.url, event: res.writableFinished ? "end" : "aborted" }),
    );
  }
  res.on("error", () => {});
  req.on("error", () => {});
  if (!route) return json(res, { error: "not found", url: req.url }, 404);
  route(req, res, url).catch((error) => {
    if (error.code !== "ECONNRESET" && error.code !== "ERR_STREAM_PREMATURE_CLOSE")
      console.error(error);
    res.destroy?.();
  });
}

function handleExpectation(req, res) {
  log.push({ url: req.url, event: "expect" });
  if (req.url === "/refuse") {
    res.writeHead(413, { "content-length": 0, connection: "close" });
    res.end();
    return;
  }
  res.writeContinue();
  handle(req, res);
}

const server = options["tls-cert"]
  ? http2.createSecureServer({
      allowHTTP1: true,
      cert: readFileSync(options["tls-cert"]),
      key: readFileSync(options["tls-key"]),
    })
  : http.createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 60000 });

server.on("request", handle);
server.on("checkContinue", handleExpectation);
server.on("connection", (socket) => {
  socket.h3gwNumber = ++connections;
  socket.on("error", () => {});
});
server.on("clientError", (error, socket) => socket.destroy());

server.listen(options.unix ?? { port: Number(options.port ?? 0), host: "127.0.0.1" }, () => {
  console.log(`ready ${options.unix ? 0 : server.address().port}`);
});
server.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});

process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
