/** The path of the module that holds the page. */
export const BUNDLE: string;
/** The text of that module. */
export function bundlePage(): Promise<string>;
