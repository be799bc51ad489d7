// A receiver in Node as a user would write it: prints its port, then a line for each request it verified or refused.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.SECRET);

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString("utf8");
    try {
      const event = webhook.verify(body, request.headers);
      response.writeHead(204).end();
      console.log(JSON.stringify({ id: request.headers["webhook-id"], event }));
    } catch (error) {
      response.writeHead(400).end();
      console.log(JSON.stringify({ refused: error.name }));
    }
  });
});

server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
