import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { SessionRequest } from './assign-session.middleware.js';

/** The visitor's session id, as a handler's parameter. */
export const SessionId = createParamDecorator(
  (_: unknown, context: ExecutionContext): string =>
    context.switchToHttp().getRequest<SessionRequest>().sessionId,
);
