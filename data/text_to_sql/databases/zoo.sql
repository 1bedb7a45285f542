CREATE TABLE zoos (id INTEGER, name TEXT, country TEXT, visitors INTEGER);
INSERT INTO zoos VALUES
(1, 'City Zoo', 'Kenya', 750),
(2, 'Old City Zoo', 'Austria', 750),
(3, 'Safari', 'Austria', 650),
(4, 'Wildlife', 'Australia', NULL),
(5, 'Forest', 'Austria', 650),
(6, 'Bay', 'Kenya', 150);

CREATE TABLE animals (id INTEGER, name TEXT, zoo_id INTEGER, species TEXT, age INTEGER, weight INTEGER);
INSERT INTO animals VALUES
(1, 'Kibo', 3, 'lion', 9, 100),
(2, 'Max', 5, 'zebra', 9, 80),
(3, 'Maxi', 5, 'sea lion', 11, 100),
(4, 'Luna', NULL, 'sea lion', 10, 240),
(5, 'Zara', 4, 'bear', 16, 100),
(6, 'Simba', 2, 'sea lion', 17, 120),
(7, 'Nala', 2, 'lion', 8, 60),
(8, 'Rex', 2, 'bear', 16, 60),
(9, 'Bella', 5, 'sea lion', 15, 220),
(10, 'Coco', 3, 'bear', 16, 280),
(11, 'Dumbo', 3, 'lion', 17, NULL),
(12, 'Elsa', 4, 'bear', 10, 220),
(13, 'Fritz', 5, 'zebra', 16, 260),
(14, 'Goldie', 5, 'bear', 9, NULL),
(15, 'Luna', 2, 'zebra', 17, 280);
