// npm `web-push` at its best: connections kept open, many messages under way.
"use strict";
const http = require("http");
const { performance } = require("perf_hooks");
const crypto = require("crypto");
const webpush = require(require.resolve("web-push", { paths: [process.cwd()] }));

const [number, host, atOnce] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])];
// It speaks https alone; the loopback service does not, and so its messages are posted here, with
// what it makes of them: sealed, signed, and with its headers.
const agent = new http.Agent({ keepAlive: true, maxSockets: atOnce });
const keys = webpush.generateVAPIDKeys();
const ecdh = crypto.createECDH("prime256v1");
ecdh.generateKeys();
const subscription = {
  endpoint: `http://${host}/push/x`,
  keys: {
    p256dh: ecdh.getPublicKey("base64url"),
    auth: crypto.randomBytes(16).toString("base64url"),
  },
};
const options = {
  TTL: 3600,
  vapidDetails: {
    subject: "mailto:bench@confianza.example.org",
    publicKey: keys.publicKey,
    privateKey: keys.privateKey,
  },
};
const body = JSON.stringify({ web_push: 8030 }).padEnd(1024);

function send() {
  const about = webpush.generateRequestDetails(subscription, body, options);
  return new Promise((resolve, reject) => {
    const request = http.request(
      about.endpoint,
      { method: about.method, headers: about.headers, agent },
      (answer) => {
        answer.resume();
        answer.on("end", () => (answer.statusCode === 201 ? resolve() : reject(answer.statusCode)));
      },
    );
    request.on("error", reject);
    request.end(about.body);
  });
}

async function ring(times) {
  let left = times;
  const line = async () => {
    while (left-- > 0) await send();
  };
  await Promise.all(Array.from({ length: atOnce }, line));
}

(async () => {
  await ring(100);
  const begun = performance.now();
  const before = process.cpuUsage();
  await ring(number);
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ number, seconds, cpu: (user + system) / 1e6, memory: [] }));
  process.exit(0);
})();
