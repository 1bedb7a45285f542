CREATE TABLE museums (id INTEGER, name TEXT, city TEXT, opened INTEGER);
INSERT INTO museums VALUES
(1, 'Modern', 'Linz', 1968),
(2, 'Old Modern', 'Graz', 1888),
(3, 'National', 'Vienna', 1944),
(4, 'City', 'Linz', 1968),
(5, 'Folk', 'Vienna', 1968),
(6, 'Royal', 'Linz', 1976);

CREATE TABLE paintings (id INTEGER, title TEXT, museum_id INTEGER, artist TEXT, width INTEGER, value INTEGER);
INSERT INTO paintings VALUES
(1, 'Sunrise', 2, 'Marin', 85, 50),
(2, 'Sunset', 1, 'Marini', 75, 50),
(3, 'The Bridge', 3, 'Duval', 55, NULL),
(4, 'Bridge', 4, 'Marin', 60, 50),
(5, 'Winter', 2, 'Marin', 85, NULL),
(6, 'Girl with Cat', 2, 'Weiss', 55, 30),
(7, 'Old Man', 2, 'Duval', 80, 90),
(8, 'Apples', 1, 'Duval', 55, 85),
(9, 'Still Life', 1, 'Duval', 85, 85),
(10, 'The Boat', 2, 'Weiss', 45, 90),
(11, 'Boats', 5, 'Weiss', 40, 50),
(12, 'Garden', NULL, 'Marin', 45, 50),
(13, 'Mother', 5, 'Marini', 75, 50),
(14, 'Self', 1, 'Marin', 45, 45),
(15, 'Field', 1, 'Marini', 90, 70);
