import 'reflect-metadata';
import { noteDecorated, scoped, type MethodScope } from './scoped-method.js';

/** What any of our decorators notes. */
interface Metadata {
  /** The data source that is meant; `undefined`: all. */
  readonly dataSource: string | undefined;
}

/** Makes the call as the metadata asks, if there is any for the scope's data source. */
export type RunWith<T> = (
  scope: MethodScope,
  call: () => unknown,
  how: { readonly self: object; readonly metadataFor: (dataSource: string) => T | undefined },
) => unknown;

/** What one kind of decorator notes on methods and classes, and how it works on the methods of providers. */
export class DecoratorMetadata<T extends Metadata> {
  readonly #key: symbol;
  readonly #names: string;
  readonly #run: RunWith<T>;

  /**
   * @param key a global symbol, so that several copies of this package share it
   * @param names of the decorators, for messages
   */
  constructor(key: symbol, names: string, run: RunWith<T>) {
    this.#key = key;
    this.#names = names;
    this.#run = run;
  }

  /** All metadata of this very method or class, the topmost decorator first. */
  on(target: object): readonly T[] | undefined {
    return Reflect.getOwnMetadata(this.#key, target) as readonly T[] | undefined;
  }

  /** The metadata of a handler for a data source, or else that of its class. */
  for(handler: object, type: object | undefined, dataSource: string): T | undefined {
    return pick(this.on(handler), dataSource) ?? this.ofClass(type, dataSource);
  }

  /** The metadata of a class for a data source, or else that of the class that it extends. */
  ofClass(type: object | null | undefined, dataSource: string): T | undefined {
    for (let next = type; typeof next === 'function'; next = Object.getPrototypeOf(next) as object | null) {
      const metadata = pick(this.on(next), dataSource);
      if (metadata !== undefined) return metadata;
    }
    return undefined;
  }

  /** All metadata of a class and of those that it extends. */
  ofClasses(type: unknown): readonly T[] {
    const metadata: T[] = [];
    for (let next = type; typeof next === 'function'; next = Object.getPrototypeOf(next)) {
      metadata.push(...(this.on(next) ?? []));
    }
    return metadata;
  }

  /** Calls a method that the decorator stands on, or on whose class it stands. */
  run(...args: Parameters<RunWith<T>>): unknown {
    return this.#run(...args);
  }

  /** A decorator that notes `metadata`. */
  decorator(metadata: T): MethodDecorator & ClassDecorator {
    return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
      if (descriptor === undefined) {
        Reflect.defineMetadata(this.#key, [metadata, ...(this.on(target) ?? [])], target);
        return;
      }
      const method: unknown = descriptor.value;
      if (typeof method !== 'function')
        throw new TypeError(`${this.#names} belong on methods and classes, not on ${String(key)}`);
      descriptor.value = this.#onMethod(target, method, metadata);
      noteDecorated(target, key, metadata.dataSource);
    };
  }

  /** Other decorators may have replaced the method in between. All functions with the list share it. */
  // oxlint-disable-next-line typescript/no-unsafe-function-type -- whatever was decorated
  #onMethod(target: object, method: Function, metadata: T): Function {
    const known = this.on(method) as T[] | undefined;
    if (known !== undefined) {
      known.unshift(metadata);
      return method;
    }
    const list = [metadata];
    const isStatic = typeof target === 'function';
    const metadataFor = (name: string): T | undefined => pick(list, name);
    const result = isStatic
      ? method
      : scoped(method, (scope, call, self) => this.#run(scope, call, { self, metadataFor }));
    Reflect.defineMetadata(this.#key, list, result);
    return result;
  }
}

/** Metadata for this data source goes before metadata for all. */
function pick<T extends Metadata>(metadata: readonly T[] | undefined, name: string): T | undefined {
  return (
    metadata?.find(({ dataSource }) => dataSource === name) ??
    metadata?.find(({ dataSource }) => dataSource === undefined)
  );
}
