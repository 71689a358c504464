import pg from 'pg';
import { kindOfFailure, SafeMessageError } from '../errors/safe-message.error.js';
import { suspectsIn } from './suspects.js';
import { withholdMessage } from './withhold-message.js';

/**
 * A client of `pg` whose failure to connect repeats nothing that may be a password. `pg`, Node and the server quote what they were
 * given (`database "..." does not exist`), and somebody may have put a password there.
 */
export class DiscreetClient extends pg.Client {
  constructor(config: pg.ClientConfig = {}) {
    try {
      super(withDiscreetPassword(config));
    } catch (error) {
      // The URL names a file that cannot be read, for one.
      throw withholdMessage(error, suspectsIn(config));
    }
  }

  override connect(): Promise<this>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): Promise<this> | void {
    if (callback !== undefined) return super.connect((error: Error) => callback(this.#discreet(error)));
    return (super.connect() as Promise<this>).catch((error: Error) => {
      throw this.#discreet(error);
    });
  }

  /** `pg` gives its callback nothing where all went well. */
  #discreet<E extends Error>(error: E): E {
    if (!(error as E | undefined)) return error;
    // What the options, the URL and the environment say together.
    const { connectionParameters, ssl } = this as unknown as { connectionParameters: object; ssl: unknown };
    return withholdMessage(error, suspectsIn({ ...connectionParameters, ssl }));
  }
}

/** What the application's own function throws may quote anything. */
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
