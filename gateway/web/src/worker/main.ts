import type { ShellList } from "./rules";
import { serveShell, type WorkerScope } from "./shellWorker";

// the build puts its list of files here: webapp.mjs
serveShell(self as unknown as WorkerScope, JSON.parse("__A3CP_SHELL__") as ShellList);
