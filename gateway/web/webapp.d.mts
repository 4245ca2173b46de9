import type { Plugin } from "vite";

export function webApp(): Plugin;
export function pagePaths(routes: string): string[];
export function shellList(
  shell: string,
  names: readonly string[],
  pages: readonly string[],
): { version: string; script: string; files: string[]; pages: string[] };
export function fullIcon(svg: string): string;
