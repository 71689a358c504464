import { randomUUID } from 'node:crypto';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { urlOf } from './open-shop.js';

/** Prints where the shop listens, and requests that show what it demonstrates. */
export function printWhatToTry(app: NestExpressApplication): void {
  const url = urlOf(app);
  const you = `-b sid=${randomUUID()}`;
  console.log(`listening on ${url}

Change a price, read it back at once, and look which node answers (x-replica-node) and why (x-replica-reason):

  curl -i ${you} -X PATCH ${url}/products/1 -H 'content-type: application/json' -d '{"price":1990}'
  curl -i ${you} ${url}/products/1
  curl -i '${url}/products?search=oak%20lamp'

${url}/replica shows live where reads go and why; npm run demo:load gives it something to show.
${url}/status tells all nodes and how far behind they are, ${url}/metrics what Prometheus scrapes. Ctrl-C stops everything.`);
}
