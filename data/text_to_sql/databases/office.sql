CREATE TABLE departments (id INTEGER, name TEXT, floor INTEGER, budget INTEGER);
INSERT INTO departments VALUES
(1, 'sales', 1, 220),
(2, 'marketing', 3, 240),
(3, 'research', 3, 220),
(4, 'support', 4, 220),
(5, 'law', 4, NULL);

CREATE TABLE employees (id INTEGER, name TEXT, department_id INTEGER, city TEXT, salary INTEGER, hired INTEGER);
INSERT INTO employees VALUES
(1, 'Aaron Fox', 4, 'New Paris', 2700, 2017),
(2, 'Amy Fox', 3, 'Nice', 3300, 2014),
(3, 'Bella Cruz', 4, 'Paris', 2900, 2014),
(4, 'Chris Park', 3, 'Nice', 2600, 2022),
(5, 'Dina Rossi', 4, 'Lyon', 3600, 2022),
(6, 'Erik Dahl', 3, 'Paris', 2900, 2022),
(7, 'Fay Wong', 2, 'Paris', 3200, 2020),
(8, 'George Lane', 4, 'Nice', 3500, NULL),
(9, 'Helen Dahl', 2, 'Lyon', 3500, 2013),
(10, 'Igor Popov', NULL, 'Paris', 3400, 2017),
(11, 'Jack Lane', 4, 'Lyon', 2700, 2020),
(12, 'Kate Rossi', 2, 'Paris', 3600, NULL),
(13, 'Leo Marsh', 1, 'Nice', 3400, 2019),
(14, 'Mia Park', 3, 'Nice', 2800, 2014),
(15, 'Noah Cruz', 1, 'Nice', 2700, 2018);
