CREATE TABLE farms (id INTEGER, name TEXT, region TEXT, hectares INTEGER);
INSERT INTO farms VALUES
(1, 'Green Valley', 'south', 40),
(2, 'Valley', 'south', 40),
(3, 'Sunny Side', 'south', 30),
(4, 'Oak Hill', 'north', 100),
(5, 'Riverside', 'north', NULL),
(6, 'Meadow', 'far south', 100);

CREATE TABLE cows (id INTEGER, name TEXT, farm_id INTEGER, breed TEXT, milk INTEGER, born INTEGER);
INSERT INTO cows VALUES
(1, 'Berta', NULL, 'Holstein', 14, 2015),
(2, 'Bertha', 5, 'Holstein', 16, 2013),
(3, 'Clara', 3, 'Red Angus', 20, 2015),
(4, 'Daisy', 1, 'Angus', 34, 2012),
(5, 'Flora', 3, 'Angus', 14, 2017),
(6, 'Greta', 4, 'Red Angus', 22, 2012),
(7, 'Heidi', 4, 'Holstein', 16, 2015),
(8, 'Ida', 1, 'Jersey', 22, 2019),
(9, 'Judy', 4, 'Red Angus', NULL, 2017),
(10, 'Lotte', 3, 'Jersey', NULL, 2020),
(11, 'Molly', 5, 'Holstein', 10, 2017),
(12, 'Nelly', 1, 'Angus', 30, 2012),
(13, 'Olga', 1, 'Red Angus', 10, 2018),
(14, 'Rosie', 3, 'Red Angus', 30, 2014),
(15, 'Daisy', 5, 'Jersey', 28, 2019);
