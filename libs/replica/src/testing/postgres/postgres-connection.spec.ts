import { describe, expect, it } from '@jest/globals';
import { despiteConflicts } from './postgres-connection.js';

const failingWith = (...codes: string[]) => {
  const asked: string[] = [];
  const ask = (): Promise<string> => {
    const code = codes[asked.length];
    asked.push(code ?? 'answered');
    return code === undefined
      ? Promise.resolve('answer')
      : Promise.reject(Object.assign(new Error(), { code }));
  };
  return { asked, ask };
};

describe('despiteConflicts', () => {
  it('asks again while a standby ends the statement so that it can replay', async () => {
    const { asked, ask } = failingWith('40001', '40001');
    await expect(despiteConflicts(ask)).resolves.toBe('answer');
    expect(asked).toEqual(['40001', '40001', 'answered']);
  });

  it('gives every other error', async () => {
    const { asked, ask } = failingWith('40001', '57P01');
    await expect(despiteConflicts(ask)).rejects.toMatchObject({ code: '57P01' });
    expect(asked).toEqual(['40001', '57P01']);
  });
});
