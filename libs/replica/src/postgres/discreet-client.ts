import type pg from 'pg';
import { kindOfFailure, SafeMessageError } from '../errors/safe-message.error.js';
import { suspectsIn, withholdMessage } from '../options/discreet-error.js';
import { pgModule } from './pg-module.js';

type PgClient = new (config?: pg.ClientConfig) => pg.Client;

let loaded: PgClient | undefined;

/**
 * The class of `pg` clients whose connection errors never repeat a possible password. `pg`, Node and the server quote their input
 * (`database "..." does not exist`), and someone may have put a password in the wrong option.
 */
export function discreetClient(): PgClient {
  return (loaded ??= discreet(pgModule().Client));
}

function discreet(Client: PgClient): PgClient {
  return class DiscreetClient extends Client {
    constructor(config: pg.ClientConfig = {}) {
      try {
        super(withDiscreetPassword(config));
      } catch (error) {
        // For example, the URL may name a certificate file that cannot be read.
        throw withholdMessage(error, suspectsIn(config));
      }
    }

    override connect(): Promise<this>;
    override connect(callback: (error: Error) => void): void;
    override connect(callback?: (error: Error) => void): Promise<this> | void {
      if (callback !== undefined)
        return super.connect((error: Error) => callback(withoutOptionsOf(this, error)));
      return (super.connect() as Promise<this>).catch((error: Error) => {
        throw withoutOptionsOf(this, error);
      });
    }
  };
}

/** On success, `pg` calls its callback without an error. */
function withoutOptionsOf<E extends Error>(client: pg.Client, error: E): E {
  if (!(error as E | undefined)) return error;
  // These combine the options, the URL and the environment.
  const { connectionParameters, ssl } = client as unknown as { connectionParameters: object; ssl: unknown };
  return withholdMessage(error, suspectsIn({ ...connectionParameters, ssl }));
}

/** Hides the message of an error from the application's password function, which may quote anything. */
function withDiscreetPassword(config: pg.ClientConfig): pg.ClientConfig {
  const { password } = config;
  if (typeof password !== 'function') return config;
  return {
    ...config,
    password: async () => {
      try {
        return await password();
      } catch (error) {
        throw new SafeMessageError(`the function that gives the password failed: ${kindOfFailure(error)}`);
      }
    },
  };
}
