import type { ServerResponse } from 'node:http';

/** The part of the responses of Express and Fastify that tests use. */
export type HttpResponse = {
  header(name: string, value: string | string[]): unknown;
} & (
  | { json(body: unknown): unknown; readonly raw?: undefined }
  | { send(body: unknown): unknown; readonly raw: ServerResponse }
);

/** Sends an answer as the platform does it. */
export function sendJson(response: HttpResponse, body: unknown): void {
  if (response.raw === undefined) response.json(body);
  else response.send(body);
}
