CREATE TABLE hotels (id INTEGER, name TEXT, city TEXT, stars INTEGER);
INSERT INTO hotels VALUES
(1, 'Grand', 'York', 4),
(2, 'Grand Palace', 'Oslo', 5),
(3, 'Sunset', 'New York', 4),
(4, 'Harbor View', 'Rome', 2),
(5, 'Old Mill', 'Oslo', 3),
(6, 'Park Inn', 'New York', 4),
(7, 'Alpine', 'Oslo', 2);

CREATE TABLE rooms (id INTEGER, code TEXT, hotel_id INTEGER, floor INTEGER, beds INTEGER, price INTEGER, view TEXT);
INSERT INTO rooms VALUES
(1, 'A1', NULL, 2, 1, 85, 'city'),
(2, 'A2', 6, 1, 3, 90, 'sea'),
(3, 'A3', 2, 1, 3, 90, 'city'),
(4, 'B1', 3, 4, 2, 80, 'city'),
(5, 'B2', 5, 2, 1, 90, 'city'),
(6, 'B3', 2, 3, 4, 70, 'garden'),
(7, 'C1', 5, 4, 3, 115, 'sea'),
(8, 'C2', 4, 1, 2, NULL, 'sea'),
(9, 'C3', 2, 1, 3, 90, 'sea'),
(10, 'D1', 3, 5, 3, 80, 'city'),
(11, 'D2', 1, 4, 4, 115, 'sea'),
(12, 'D3', 1, 1, 1, NULL, 'sea'),
(13, 'E1', 5, 4, 4, 75, 'garden'),
(14, 'E2', 2, 1, 3, 110, 'city');
