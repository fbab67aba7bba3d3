// As grpc_server.py, by @grpc/grpc-js: node grpc_server.js [none|hang]
// The messages are so small that they are read and written by hand.
const grpc = require(`${process.env.NODE_MODULES}/@grpc/grpc-js`);
const readline = require("node:readline");

const STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const statuses = new Map([["", "SERVING"]]);
const kind = process.argv[2];
const server = new grpc.Server();

function check(call, answer) {
  if (kind === "hang") return;
  const status = statuses.get(call.request.service);
  if (status === undefined) answer({ code: grpc.status.NOT_FOUND, details: "unknown service" });
  else answer(null, status);
}

if (kind !== "none") {
  const definition = {
    path: "/grpc.health.v1.Health/Check",
    requestStream: false,
    responseStream: false,
    requestSerialize: (request) => Buffer.from(request.service),
    requestDeserialize: (bytes) => ({ service: bytes.subarray(2).toString() }), // field 1, a string shorter than 128 bytes
    responseSerialize: (status) => Buffer.from([8, STATUSES.indexOf(status)]), // field 1, a number
    responseDeserialize: (bytes) => STATUSES[bytes[1]],
  };
  server.addService({ Check: definition }, { Check: check });
}

server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [service, status] = line.split(" ");
    statuses.set(service === "-" ? "" : service, status);
    console.log("done");
  })
  .on("close", () => process.exit(0));
