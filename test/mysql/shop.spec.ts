import '../support/cluster/on-mariadb.js';
import './support/shop-database.js';
// All of them use one shop. The report is about what was sold before, and the migrations end all there is.
import '../e2e/shop/reports-and-status.spec.js';
import '../e2e/shop/products.spec.js';
import '../e2e/shop/orders.spec.js';
import '../e2e/shop/freshness.spec.js';
import '../e2e/shop/migrations.spec.js';
