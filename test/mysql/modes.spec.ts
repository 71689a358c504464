import '../support/cluster/on-mariadb.js';
import '../integration/sessions/modes.spec.js';
