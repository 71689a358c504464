/**
 * The method by which a routed data source gives the options that it was made from, credentials included. The command line asks for them,
 * which has a copy of the library of its own and so shares no class and no private field with the application's.
 */
export const GIVEN_OPTIONS = Symbol.for('nestjs-replica.given-options');
