import { randomUUID } from 'node:crypto';
import { isUUID } from 'class-validator';
import type { NextFunction, Request, Response } from 'express';

export const SESSION_COOKIE = 'sid';

/** A request after `assignSession`. */
export interface SessionRequest extends Request {
  sessionId: string;
}

/** Gives a visitor without a session a new one. Its id is also the key by which a visitor sees their own writes at once. */
export function assignSession(request: Request, response: Response, next: NextFunction): void {
  const sent: unknown = request.cookies[SESSION_COOKIE];
  const sessionId = isUUID(sent) ? (sent as string) : randomUUID();
  if (sessionId !== sent) response.cookie(SESSION_COOKIE, sessionId, { httpOnly: true, sameSite: 'lax' });
  (request as SessionRequest).sessionId = sessionId;
  next();
}
