import { type Attributes, context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** A finished span, as tests look at it. */
export interface SeenSpan {
  readonly name: string;
  /** Who made it: `nestjs-replica`, the instrumentation of the driver, or `test`. */
  readonly scope: string;
  readonly isClient: boolean;
  readonly hasFailed: boolean;
  /** The name of its parent; `null`: it is a root. */
  readonly parent: string | null;
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly attributes?: Attributes }[];
}

/** Collects all spans of this process. */
export class SpanRecorder {
  readonly #exporter = new InMemorySpanExporter();
  readonly #provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#exporter)] });

  constructor() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(this.#provider);
  }

  /** Calls `fn` inside a span of this name. */
  within<T>(name: string, fn: () => Promise<T>): Promise<T> {
    return trace.getTracer('test').startActiveSpan(name, async (span) => {
      try {
        return await fn();
      } finally {
        span.end();
      }
    });
  }

  /** The spans that have ended since the last call, without the test's own. */
  take(): SeenSpan[] {
    const spans = this.#exporter.getFinishedSpans();
    this.#exporter.reset();
    const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
    return spans
      .filter(({ instrumentationScope }) => instrumentationScope.name !== 'test')
      .map((span) => seen(span, names));
  }

  stop(): void {
    trace.disable();
    context.disable();
  }
}

function seen(span: ReadableSpan, names: ReadonlyMap<string, string>): SeenSpan {
  const parent = span.parentSpanContext?.spanId;
  return {
    name: span.name,
    scope: span.instrumentationScope.name,
    isClient: span.kind === SpanKind.CLIENT,
    hasFailed: span.status.code === SpanStatusCode.ERROR,
    parent: parent === undefined ? null : (names.get(parent) ?? 'unknown'),
    attributes: span.attributes,
    events: span.events.map(({ name, attributes }) => ({ name, attributes })),
  };
}
