import {
  type Attributes,
  context,
  createContextKey,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer as SpanTracer,
} from '@opentelemetry/api';
import { tracingChannel } from 'node:diagnostics_channel';
import { TRACING, type StatementTrace } from '../execution/statement-trace.js';
import type { Tracer, Tracing } from '../observability/tracing.js';
import type { StatementEvent } from '../routing/statement-event.js';
import {
  ATTEMPTS,
  COLLECTION,
  ERROR_TYPE,
  KIND,
  LANE,
  NODE,
  OPERATION,
  REASON,
  ROLE,
  STATUS_CODE,
  SUMMARY,
  TEXT,
} from './attribute-names.js';
import type { DatabaseFacts } from './database-facts.js';
import type { Measured } from './measure.js';
import { summarize } from './summarize.js';

/** In this context, the SDK makes no spans. The key is the one of `suppressTracing()` in `@opentelemetry/core`. */
const QUIET = ROOT_CONTEXT.setValue(createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING'), true);

/** Codes that come from the database; others come from the system or the driver. */
const DATABASE_CODE = /^(?:[0-9A-Z]{5}|ER_\w+)$/;

interface StatementSpansOptions {
  readonly tracer: SpanTracer;
  readonly facts: DatabaseFacts;
  readonly queryText: boolean;
  readonly measured: Measured;
}

/** A span under way. */
interface OpenSpan {
  readonly span: Span;
  readonly operation: string;
  readonly startedAtMs: number;
  readonly startedMs: number;
}

/**
 * Makes a span of each statement of one router. All routers of the process tell of their statements on one channel, so those of others
 * are left out.
 */
export class StatementSpans implements Tracer {
  readonly #tracing: Tracing;
  readonly #options: StatementSpansOptions;
  readonly #channel = tracingChannel<StatementTrace, StatementTrace>('nestjs-replica:statement');
  readonly #open = new Map<StatementTrace, OpenSpan>();
  #hasEnded = false;

  constructor(tracing: Tracing, options: StatementSpansOptions) {
    this.#tracing = tracing;
    this.#options = options;
    this.#channel.start.subscribe(this.#began);
    this.#channel.asyncEnd.subscribe(this.#ended);
  }

  quietly<T>(fn: () => T): T {
    return context.with(QUIET, fn);
  }

  apart<T>(fn: () => T): T {
    return context.with(ROOT_CONTEXT, fn);
  }

  waited(node: string, waitedMs: number): void {
    this.#guarded(() => this.#options.measured.waited(waitedMs / 1000, node));
  }

  /** Makes no new spans. Those under way end with their statements. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#channel.start.unsubscribe(this.#began);
    this.#options.measured.end();
    this.#leaveIfDone();
  }

  #leaveIfDone(): void {
    if (this.#hasEnded && this.#open.size === 0) this.#channel.asyncEnd.unsubscribe(this.#ended);
  }

  /** An error here would end the process. */
  #guarded(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      diag.error('nestjs-replica: a statement has no complete span or measure', error);
    }
  }

  readonly #began = (message: unknown): void => {
    const trace = message as StatementTrace;
    if (trace[TRACING] === this.#tracing) this.#guarded(() => this.#begin(trace));
  };

  readonly #ended = (message: unknown): void => {
    const trace = message as StatementTrace;
    const open = this.#open.get(trace);
    if (open === undefined) return;
    this.#open.delete(trace);
    this.#guarded(() => this.#finish(trace, open));
    this.#leaveIfDone();
  };

  #begin(trace: StatementTrace): void {
    const { tracer, facts, queryText } = this.#options;
    const { operation, tables, text } = summarize(trace.text, trace.tables);
    const attributes: Attributes = {
      ...facts.common,
      [OPERATION]: operation,
      [SUMMARY]: text,
      [KIND]: trace.kind,
    };
    if (tables.length === 1) attributes[COLLECTION] = tables[0];
    if (queryText) attributes[TEXT] = trace.text;
    const span = tracer.startSpan(text, { kind: SpanKind.CLIENT, attributes }, context.active());
    this.#open.set(trace, { span, operation, startedAtMs: Date.now(), startedMs: performance.now() });
  }

  #finish(trace: StatementTrace, { span, operation, startedAtMs, startedMs }: OpenSpan): void {
    const { facts, measured } = this.#options;
    const { attempts } = trace;
    const last = attempts.at(-1);
    const node = last?.node === undefined || last.node === null ? undefined : facts.nodeOf(last.node);
    const server = node?.server ?? {};
    const failure = failureOf(trace, last);
    const attributes: Attributes = { [ATTEMPTS]: attempts.length, ...server, ...failure };
    if (last !== undefined) Object.assign(attributes, routeOf(last));
    if (trace.usesLane) attributes[LANE] = true;
    if (node !== undefined) attributes[ROLE] = node.role;
    if (attempts.length > 1) addAttempts(span, attempts, startedAtMs);
    span.setAttributes(attributes);
    if (failure[ERROR_TYPE] !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
    measured.took((performance.now() - startedMs) / 1000, { [OPERATION]: operation, ...server, ...failure });
  }
}

function routeOf({ node, reason }: StatementEvent): Attributes {
  return { [REASON]: reason, ...(node === null ? {} : { [NODE]: node }) };
}

/** Why the caller got an error; empty if it got none. No message: it may show what is in the database. */
function failureOf({ error }: StatementTrace, last: StatementEvent | undefined): Attributes {
  // A stream that breaks after it was sent has told its reader, and not the one who waits for its start.
  const code = error?.code ?? last?.errorCode;
  if (code === undefined) return {};
  const type = code === 'unknown' ? (error?.name ?? code) : code;
  return { [ERROR_TYPE]: type, ...(DATABASE_CODE.test(code) ? { [STATUS_CODE]: code } : {}) };
}

/** One event for each attempt, at its end. Pauses between attempts do not count. */
function addAttempts(span: Span, attempts: readonly StatementEvent[], startedAtMs: number): void {
  let atMs = startedAtMs;
  for (const event of attempts) {
    atMs += event.durationMs;
    const failure = event.errorCode === undefined ? {} : { [ERROR_TYPE]: event.errorCode };
    span.addEvent('replica.attempt', { ...routeOf(event), ...failure }, atMs);
  }
}
