import type { ModulesContainer } from '@nestjs/core';
import { checkDecorators, hasSyncWrites } from './check-decorators.js';
import { coverClass } from './cover-class.js';
import { ControllerScope, ProviderScope } from './provider-scope.js';
import { RequestOpener } from './request-opener.js';
import { decoratedMethods, mark, type MethodScope } from './scoped-method.js';

type Module = ModulesContainer extends Map<string, infer M> ? M : never;
type Wrapper = Module['providers'] extends Map<unknown, infer W> ? W : never;

/** Makes the decorators work on the methods of one application's providers, for one data source. */
export class MethodMarker {
  readonly #modules: ModulesContainer;
  readonly #opener: RequestOpener;
  readonly #unmark: (() => void)[] = [];

  constructor(modules: ModulesContainer, opener: RequestOpener) {
    this.#modules = modules;
    this.#opener = opener;
  }

  /** Called while the application is put together, so that hooks already find the scoped methods. */
  coverClasses(): void {
    for (const wrapper of this.#providers()) {
      const type = classOf(wrapper);
      if (type !== undefined) coverClass(type.prototype);
    }
  }

  /**
   * Called when the application is put together: gives each object its data source. Objects that are made per request
   * find it on the prototype of their class. Throws an `InvalidReplicaOptionsError` if a decorator names a data
   * source or a replica that does not exist.
   */
  markAll(): void {
    const { router, name } = this.#opener;
    const providers = this.#providers();
    const controllers = this.#all((module) => module.controllers);
    checkDecorators(
      [...providers, ...controllers].map(targetOf).filter((target) => target !== undefined),
      openersAmong(providers),
    );
    this.#opener.hasSyncWrites = controllers.some((wrapper) => hasSyncWrites(targetOf(wrapper) ?? {}));
    for (const wrapper of providers) this.#mark(wrapper, new ProviderScope(router, name));
    for (const wrapper of controllers) this.#mark(wrapper, new ControllerScope(router, name));
  }

  unmarkAll(): void {
    for (const unmark of this.#unmark.splice(0)) unmark();
  }

  #mark(wrapper: Wrapper, scope: MethodScope): void {
    const target = targetOf(wrapper);
    if (target === undefined) return;
    const prototype = Object.getPrototypeOf(target) as object | null;
    if (classOf(wrapper) === undefined && prototype !== null && prototype !== Object.prototype) {
      coverClass(prototype);
    }
    if (decoratedMethods(target).length === 0) return;
    const unmark = mark(target, scope);
    if (unmark !== undefined) this.#unmark.push(unmark);
  }

  #providers(): Wrapper[] {
    return this.#all((module) => [...module.providers, ...module.injectables]);
  }

  #all(wrappersOf: (module: Module) => Iterable<readonly [unknown, Wrapper]>): Wrapper[] {
    return [...this.#modules.values()].flatMap((module) =>
      [...wrappersOf(module)].map(([, wrapper]) => wrapper),
    );
  }
}

/** The openers of all data sources of the application. */
function openersAmong(wrappers: readonly Wrapper[]): readonly RequestOpener[] {
  return wrappers.flatMap(({ token, instance }) =>
    token === RequestOpener ? [instance as RequestOpener] : [],
  );
}

/** The class that Nest makes the object from; `undefined` for factories and values. */
function classOf({ metatype, inject }: Wrapper): { readonly prototype: object } | undefined {
  const isClass = typeof metatype === 'function' && !inject && typeof metatype.prototype === 'object';
  return isClass ? metatype : undefined;
}

/** What carries the mark: the object, or the prototype of objects that are made later or repeatedly. */
function targetOf(wrapper: Wrapper): object | undefined {
  const type = classOf(wrapper);
  if (type !== undefined && (wrapper.isTransient || !wrapper.isDependencyTreeStatic())) return type.prototype;
  const instance: unknown = wrapper.instance;
  return typeof instance === 'object' && instance !== null ? instance : undefined;
}
