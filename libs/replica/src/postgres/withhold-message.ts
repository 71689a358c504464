import { isNativeError } from 'node:util/types';
import { codeOf } from '../errors/describe-error.js';

/** So many letters of a text betray it: servers quote no more than the first 63 bytes. */
const HEAD_LETTERS = 12;

/**
 * The same error, without its message and whatever else of it repeats one of the `suspects`, in whichever way it is written; its code
 * stays. An error that repeats none stays as it is.
 */
export function withholdMessage<E>(error: E, suspects: readonly string[]): E {
  if (!isNativeError(error) || suspects.length === 0) return error;
  const heads = suspects.flatMap((text) => waysToWrite(text.slice(0, HEAD_LETTERS)));
  withhold(error, (value) => typeof value === 'string' && heads.some((head) => value.includes(head)));
  return error;
}

function withhold(error: Error, isTelling: (value: unknown) => boolean): void {
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  // Of a host with several addresses there is one for each.
  for (const inner of [cause, ...(Array.isArray(errors) ? errors : [])])
    if (isNativeError(inner)) withhold(inner, isTelling);
  const properties = error as unknown as Record<string, unknown>;
  const telling = Object.getOwnPropertyNames(error).filter((key) => isTelling(properties[key]));
  if (telling.length === 0) return;
  for (const key of telling) delete properties[key];
  const message =
    `connecting failed with ${codeOf(error) ?? error.name}; what was said of it is not shown, for it repeats a part of the options ` +
    'that is no plain name and may be a password: look whether each of them is in its place';
  const hidden = { writable: true, configurable: true, enumerable: false };
  Object.defineProperty(error, 'message', { value: message, ...hidden });
  Object.defineProperty(error, 'stack', { value: `${error.name}: ${message}`, ...hidden });
}

function waysToWrite(head: string): readonly string[] {
  // Half of a letter that takes two units cannot be percent-encoded; at the end it may have been cut off here.
  const text = Buffer.from(head.replace(/[\uD800-\uDBFF]$/, '')).toString();
  const json = JSON.stringify(text).slice(1, -1);
  return [
    text,
    json,
    json.replaceAll('\\"', '"').replaceAll("'", "\\'"),
    encodeURIComponent(text),
    encodeURI(text),
  ];
}
