CREATE TABLE gardens (id INTEGER, name TEXT, city TEXT, area INTEGER);
INSERT INTO gardens VALUES
(1, 'Rose Hill', 'Delft', 20),
(2, 'Hill', 'Leiden', 35),
(3, 'Water Park', 'Delft', 10),
(4, 'Botanical', 'Gouda', 25),
(5, 'Castle', 'Delft', 25),
(6, 'Orchard', 'Gouda', 10);

CREATE TABLE plants (id INTEGER, name TEXT, garden_id INTEGER, color TEXT, height INTEGER, planted INTEGER);
INSERT INTO plants VALUES
(1, 'rose', 3, 'white', 75, 2017),
(2, 'wild rose', 4, 'white', 55, 2008),
(3, 'tulip', 1, 'dark red', 50, 2007),
(4, 'lily', 2, 'green', 75, 2007),
(5, 'iris', 4, 'red', 75, 2013),
(6, 'fern', 1, 'red', 30, 2007),
(7, 'ivy', 1, 'white', NULL, 2008),
(8, 'mint', 2, 'dark red', 80, 2008),
(9, 'sage', 4, 'red', 70, 2013),
(10, 'oak', 4, 'red', 50, 2001),
(11, 'red oak', NULL, 'green', NULL, 2007),
(12, 'pine', 1, 'white', 75, 2013),
(13, 'elm', 3, 'white', 45, 2013),
(14, 'moss', 5, 'green', 70, 2014),
(15, 'poppy', 2, 'green', 25, 2004);
