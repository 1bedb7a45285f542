CREATE TABLE makers (id INTEGER, name TEXT, country TEXT, workers INTEGER);
INSERT INTO makers VALUES
(1, 'Volta', 'Italy', 800),
(2, 'Nova', 'North Korea', 300),
(3, 'Super Nova', 'Korea', 850),
(4, 'Arrow', 'France', 650),
(5, 'Condor', 'Korea', 800),
(6, 'Titan', 'Korea', 800);

CREATE TABLE cars (id INTEGER, model TEXT, maker_id INTEGER, color TEXT, year INTEGER, price INTEGER);
INSERT INTO cars VALUES
(1, 'X1', 5, 'blue', 2010, 32),
(2, 'X2', 1, 'red', 2012, 24),
(3, 'X3', 4, 'blue', 2009, NULL),
(4, 'City', 1, 'red', 2010, 28),
(5, 'City Plus', NULL, 'red', 2008, 30),
(6, 'Sport', 2, 'dark blue', 2008, 32),
(7, 'Family', 3, 'silver', 2013, 24),
(8, 'Mini', 2, 'blue', 2010, 40),
(9, 'Cargo', 1, 'dark blue', 2010, 30),
(10, 'Rover', 1, 'dark blue', 2010, 26),
(11, 'Spark', 2, 'silver', 2009, 32),
(12, 'Breeze', 3, 'blue', 2008, NULL),
(13, 'Terra', 3, 'silver', 2009, 28),
(14, 'Luxe', 3, 'blue', 2012, 40),
(15, 'Mini', 3, 'silver', 2009, 34);
