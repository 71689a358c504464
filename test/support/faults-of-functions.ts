/** What a function that somebody else wrote may do when it is called. */
export const FAULTS_OF_FUNCTIONS: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('of the user');
  },
  'throws undefined': () => {
    // oxlint-disable-next-line typescript/only-throw-error -- somebody does
    throw undefined;
  },
  'throws what cannot be looked at': () => {
    throw opaque();
  },
  rejects: () => Promise.reject(new Error('of the user')),
  'rejects with what cannot be looked at': () => Promise.reject(opaque()),
  'never answers': () => new Promise(() => undefined),
  'gives undefined': () => undefined,
  'gives null': () => null,
  'gives NaN': () => Number.NaN,
  'gives a number': () => 42,
  'gives an empty text': () => '',
  'gives a huge text': () => 'x'.repeat(1_000_000),
  'gives an object': () => ({ length: -1, message: {} }),
  'gives an object without a prototype': () => Object.create(null) as unknown,
  'gives a list': () => [undefined, null],
  'gives a symbol': () => Symbol('of the user'),
  'gives a function': () => () => {
    throw new Error('of the user, later');
  },
  'gives a promise of an object': () => Promise.resolve({}),
  'gives what cannot be looked at': opaque,
};

/** Whoever asks it for anything gets an error. */
function opaque(): unknown {
  return new Proxy(Object.create(null) as object, {
    get: () => {
      throw new Error('do not look at me');
    },
    has: () => {
      throw new Error('do not look for me');
    },
  });
}
