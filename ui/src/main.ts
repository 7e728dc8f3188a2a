// The first file that runs.

import "./design/tokens.css";
import "./design/base.css";
import "./design/parts.css";
import "./shell/shell.css";
import { apply as applyTheme } from "./design/theme.ts";
import { listen as followLinks } from "./shell/router.ts";
import { listen as listenToKeys } from "./shell/shortcuts.ts";
import "./shell/app.ts";

applyTheme();
followLinks();
listenToKeys();
