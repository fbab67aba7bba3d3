// A server that has no handler for SIGTERM.
require('http').createServer((request, response) => {
  setTimeout(() => response.end('done\n'), request.url === '/slow' ? 3000 : 30);
}).listen(8000, '0.0.0.0');
