// A server that stops once it is told, with process.once: a second signal kills. With CLUSTER=1 a primary with two workers.
// PORT, WORK and EVENTS come from the environment.
const cluster = require('cluster'), fs = require('fs'), http = require('http');
const say = what => fs.appendFileSync(process.env.EVENTS, what + '\n');

if (process.env.CLUSTER && cluster.isPrimary) {
  cluster.fork(); cluster.fork();
  process.once('SIGTERM', () => {
    say('told primary');
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
  });
  let left = 2;
  cluster.on('exit', () => { if (--left === 0) process.exit(7); });
} else {
  const server = http.createServer((request, response) => {
    say('work started');
    setTimeout(() => { response.end('done\n'); server.closeIdleConnections(); }, 1000 * process.env.WORK);
  });
  const stop = signal => { say('told ' + signal); server.close(() => process.exit(7)); };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  server.listen(8000, '127.0.0.1', () => say('listening'));
}
