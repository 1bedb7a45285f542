"""Foods, and the words that go with them, in groups. Everything that ``factory`` writes is
put together from these lists.

Each group holds its foods, the units they are measured in, the words that come before the
name (modifiers) and what is done to them (preparations). The lists were written for this
project. Names of the house glossary occur here as plain foods like any other: which name
stands for which is said nowhere in this folder.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """One group of foods with the words that a cook puts around them."""

    units: tuple[str, ...]
    preparations: tuple[str, ...]
    modifiers: tuple[str, ...]
    foods: tuple[str, ...]


def _group(units: str, preparations: str, modifiers: str, foods: str) -> Group:
    return Group(*(tuple(part.split(";")) for part in (units, preparations, modifiers, foods)))


GROUPS: dict[str, Group] = {
    "baking": _group(
        "c.;cup;cups;oz.;lb.;g;Tbsp.;tbsp;kg;C",
        "sifted;divided;packed;plus extra for dusting;for rolling;plus 2 Tbsp.;to dust",
        "firmly packed;sifted;lightly packed;fine;organic;heaping;level;unbleached;good quality",
        "brown sugar;white sugar;granulated sugar;powdered sugar;confectioners' sugar;icing sugar;"
        "caster sugar;demerara sugar;muscovado sugar;palm sugar;flour;all-purpose flour;"
        "plain flour;bread flour;strong flour;cake flour;rye flour;rice flour;self-raising flour;"
        "whole wheat flour;cornstarch;cornflour;cornmeal;maize meal;baking soda;"
        "bicarbonate of soda;baking powder;yeast;cocoa;cocoa powder;chocolate chips;"
        "dark chocolate;white chocolate;vanilla;vanilla extract;almond extract;molasses;"
        "dark treacle;corn syrup;golden syrup;honey;maple syrup;agave syrup;gelatin;oats;"
        "rolled oats;semolina;almond meal;shortening;lard;suet;marshmallows;sprinkles;coconut;"
        "desiccated coconut;cream of tartar;wheat germ;bran;malt;polenta;tapioca;food coloring;"
        "butterscotch chips;candied ginger;poppadoms;matzo meal;arrowroot",
    ),
    "dairy": _group(
        "c.;cup;cups;oz.;pkg.;(8 oz.) pkg.;stick;sticks;pt.;Tbsp.;carton;ml;g;tub;knob of",
        "softened;melted;at room temperature;chilled;cut into cubes;divided;shredded;grated;"
        "beaten;lightly beaten;crumbled;for brushing",
        "cold;unsalted;softened;whole;shredded;grated;warm;melted;low-fat;sharp;full-fat;large;"
        "free-range;crumbled;salted",
        "butter;oleo;margarine;milk;skim milk;evaporated milk;condensed milk;buttermilk;cream;"
        "heavy cream;double cream;clotted cream;whipping cream;half and half;sour cream;"
        "soured cream;creme fraiche;cream cheese;cottage cheese;curd cheese;cheddar;"
        "cheddar cheese;mozzarella;parmesan;parmesan cheese;ricotta;feta;goat cheese;"
        "swiss cheese;blue cheese;gouda;brie;provolone;yogurt;natural yogurt;greek yogurt;"
        "whipped topping;ghee;clarified butter;paneer;halloumi;mascarpone;quark;kefir;eggs;egg;"
        "egg yolks;egg whites;ice cream;coconut milk;oat milk;soy milk",
    ),
    "vegetable": _group(
        "c.;cup;cups;lb.;lbs.;bunch;oz.;small;large;medium;head;heads;(16 oz.) bag;g;kg;stalks;"
        "cloves;ears",
        "chopped;diced;thinly sliced;peeled and cubed;minced;trimmed;cut into strips;halved;"
        "shredded;seeded;washed;finely chopped;cut into 1-inch pieces;roughly chopped;quartered;"
        "peeled;sliced on the diagonal;white and green parts;stems removed",
        "fresh;chopped;diced;frozen;sliced;ripe;large;small;medium;peeled;cooked;"
        "finely chopped;crisp;firm;young;tender",
        "scallions;spring onions;green onion;onion;onions;red onion;yellow onion;cocktail onions;"
        "shallots;leeks;garlic;garlic cloves;carrots;carrot;celery;celery root;celeriac;potatoes;"
        "spuds;sweet potatoes;kumara;yams;bell pepper;red bell pepper;capsicum;green pepper;"
        "mangetout;snow peas;eggplant;aubergine;zucchini;courgettes;squash;butternut squash;"
        "vegetable marrow;pumpkin;cucumber;tomatoes;tomato;cherry tomatoes;roma tomatoes;"
        "sun-dried tomatoes;lettuce;cos lettuce;romaine;iceberg lettuce;arugula;garden rocket;"
        "spinach;baby spinach;swiss chard;silverbeet;kale;cabbage;red cabbage;napa cabbage;"
        "bok choy;pak choi;cauliflower;broccoli;brussels sprouts;asparagus;green beans;"
        "string beans;haricots verts;peas;split peas;corn;sweetcorn;mushrooms;button mushrooms;"
        "cremini;shiitake;wood ear mushrooms;radishes;daikon;beets;beetroot;turnips;swede;"
        "rutabaga;parsnips;fennel;okra;lady fingers;artichokes;jerusalem artichokes;sunchokes;"
        "watercress;endive;witloof;ginger;horseradish;chilies;jalapeno;habanero;bean sprouts;"
        "bamboo shoots;water chestnuts;tapioca root;cassava;taro;collard greens;kohlrabi",
    ),
    "fruit": _group(
        "c.;cup;cups;lb.;large;medium;(15 oz.) can;oz.;pt.;g;punnet;slices;juice of;zest of",
        "peeled and sliced;drained;cored;pitted;hulled;mashed;zested;juiced;halved;chopped;"
        "soaked in warm water;cut into wedges;for garnish;thinly sliced",
        "ripe;fresh;dried;frozen;mashed;large;sliced;sweet;crushed;firm;unwaxed;seedless",
        "apples;apple;bananas;plantains;oranges;orange;lemon;lemons;lemon juice;lemon zest;lime;"
        "limes;lime juice;grapefruit;strawberries;blueberries;bilberries;raspberries;"
        "blackberries;cranberries;cherries;peaches;nectarines;pears;plums;prunes;apricots;grapes;"
        "raisins;sultanas;currants;dates;figs;pineapple;mango;papaya;pawpaw;kiwi;melon;rockmelon;"
        "cantaloupe;watermelon;rhubarb;avocado;alligator pear;olives;black olives;pomegranate;"
        "persimmon;lychee;orange juice;apple juice;applesauce;orange peel;tamarind;quince;"
        "gooseberries;passion fruit;candied cherries;cranberry sauce",
    ),
    "meat": _group(
        "lb.;lbs.;oz.;kg;g;slices;c.;(12 oz.) pkg.;pieces;whole;small;large;fillets of",
        "cubed;trimmed;cut into strips;cooked and crumbled;browned;boned;thinly sliced;skinned;"
        "deveined;drained;cut into bite-size pieces;skin on;patted dry;tails removed;flaked",
        "lean;boneless;cooked;ground;smoked;skinless;large;frozen;fresh;thick-cut;wild;raw;"
        "bone-in;leftover",
        "beef;hamburger meat;ground beef;minced beef;veal;pork;ground pork;pork chops;"
        "pork shoulder;ham;gammon;bacon;streaky bacon;rashers;pancetta;prosciutto;sausage;"
        "italian sausage;bangers;frankfurters;wieners;hot dogs;chorizo;salami;pepperoni;chicken;"
        "chicken breasts;chicken thighs;chicken wings;turkey;ground turkey;duck;goose;rabbit;"
        "lamb;lamb shanks;mutton;stew meat;steak;flank steak;brisket;short ribs;salmon;"
        "smoked salmon;tuna;cod;haddock;halibut;pollock;coalfish;trout;sea bass;sardines;"
        "anchovies;prawns;shrimp;crab;lobster;langoustines;crayfish;crawfish;squid;calamari;"
        "octopus;clams;mussels;oysters;scallops;liver;meatballs;corned beef;tofu;bean curd;"
        "tempeh;seitan strips",
    ),
    "spice": _group(
        "tsp.;Tbsp.;teaspoon;teaspoons;tablespoon;pinch;dash;tbsp;sprigs;tsp;pinch of;handful of;"
        "bunch;few;tsps;g;leaves of",
        "to taste;crushed;freshly ground;optional;toasted;chopped;plus more to taste;"
        "for garnish;finely chopped;leaves picked;torn;lightly crushed;as needed",
        "dried;ground;fresh;chopped;crushed;freshly ground;minced;smoked;whole;scant;coarse;hot;"
        "sweet;toasted;flaky",
        "salt;sea salt;fine sea salt;kosher salt;table salt;pepper;black pepper;"
        "ground black pepper;white pepper;cayenne;red pepper flakes;paprika;chili powder;cumin;"
        "cumin seeds;coriander seeds;cilantro;chinese parsley;parsley;italian parsley;basil;"
        "holy basil;oregano;wild marjoram;marjoram;thyme;rosemary;sage;dill;dill weed;mint;"
        "tarragon;bay leaves;laurel leaves;nutmeg;mace;cinnamon;cinnamon stick;cloves;allspice;"
        "pimento berries;cardamom;turmeric;saffron;curry powder;curry leaves;garam masala;"
        "mustard;dijon mustard;mustard powder;mustard seeds;garlic powder;onion powder;"
        "celery salt;poppy seeds;sesame seeds;benne seeds;caraway;fennel seeds;anise;star anise;"
        "vanilla bean;lemongrass;chives;seasoned salt;sumac;fenugreek;juniper berries;peppercorns;"
        "italian seasoning",
    ),
    "pantry": _group(
        "c.;cup;cups;can;cans;(15 oz.) can;(10 oz.) can;oz.;Tbsp.;tbsp;jar;bottle;pkg.;box;bag;"
        "lb.;g;ml;l;tin;tins;splash of;glug of;sheets",
        "drained;drained and rinsed;cooked;undiluted;uncooked;crushed;heated;rinsed;for frying;"
        "broken up;to serve;divided;plus more for greasing;soaked overnight;warmed",
        "cooked;canned;dry;crushed;hot;dark;light;instant;low-sodium;uncooked;prepared;boiling;"
        "extra-virgin;day-old;cold;tinned;toasted;thin",
        "rice;brown rice;wild rice;basmati rice;arborio rice;pasta;noodles;egg noodles;"
        "rice noodles;spaghetti;macaroni;penne;fettuccine;lasagna noodles;couscous;quinoa;barley;"
        "bulgur;lentils;red lentils;chickpeas;garbanzo beans;kidney beans;pinto beans;"
        "black beans;turtle beans;navy beans;lima beans;butter beans;fava beans;broad beans;"
        "black-eyed peas;baked beans;refried beans;tomato sauce;tomato paste;tomato puree;"
        "passata;tomato soup;mushroom soup;ketchup;catsup;mayonnaise;salad dressing;soy sauce;"
        "shoyu;tamari;fish sauce;oyster sauce;hoisin sauce;worcestershire sauce;hot sauce;"
        "tabasco;barbecue sauce;salsa;pesto;vinegar;cider vinegar;wine vinegar;rice vinegar;"
        "balsamic vinegar;olive oil;vegetable oil;salad oil;canola oil;rapeseed oil;corn oil;"
        "maize oil;sunflower oil;sesame oil;coconut oil;peanut oil;groundnut oil;water;"
        "chicken broth;chicken stock;beef broth;beef stock;vegetable broth;vegetable stock;"
        "bouillon;stock cubes;white wine;red wine;sherry;brandy;rum;beer;coffee;tea;bread;"
        "pita bread;naan;bread crumbs;panko;rusk;crackers;water biscuits;cookies;"
        "graham crackers;digestive biscuits;tortillas;corn chips;potato chips;potato crisps;"
        "croutons;pickles;gherkins;relish;capers;peanut butter;jam;jelly;preserves;marmalade;"
        "tahini;hummus;popcorn;corn flakes;pie crust;puff pastry;phyllo dough;pizza dough;"
        "instant pudding;custard powder;soda pop;club soda;ginger ale;miso;kimchi;sauerkraut;"
        "nori;gochujang;harissa",
    ),
    "nut": _group(
        "c.;cup;oz.;Tbsp.;g;handful;handful of;pkg.;tbsp;bag",
        "chopped;toasted;finely chopped;slivered;halved;crushed;optional;roughly chopped",
        "chopped;toasted;slivered;roasted;salted;ground;blanched;raw;unsalted",
        "almonds;flaked almonds;walnuts;pecans;peanuts;goober peas;cashews;hazelnuts;filberts;"
        "cobnuts;pistachios;macadamias;pine nuts;pignoli;chestnuts;sunflower seeds;"
        "pumpkin seeds;pepitas;flaxseed;linseed;chia seeds;brazil nuts;hemp seeds",
    ),
}

#: Every food with the group that it belongs to.
GROUP_OF: dict[str, str] = {food: name for name, g in GROUPS.items() for food in g.foods}
FOODS: tuple[str, ...] = tuple(GROUP_OF)

DISHES: tuple[str, ...] = tuple(
    "Casserole;Pie;Soup;Salad;Cake;Stew;Bake;Bread;Cookies;Bars;Dip;Chili;Pudding;Stir-Fry;Curry;"
    "Muffins;Skillet;Pasta;Tart;Crisp;Loaf;Roast;Punch;Relish;Dressing;Squares;Fritters;Pancakes;"
    "Tacos;Risotto;Chowder;Pilaf;Kebabs;Dumplings;Omelette;Sandwich;Gratin;Pickle;Chutney;Salsa;"
    "Wraps;Burgers;Meatloaf;Biscuits;Scones;Trifle;Cobbler;Slaw;Noodles;Hash".split(";")
)
TITLE_WORDS: tuple[str, ...] = tuple(
    "Easy;Grandma's;Best;Quick;Baked;Creamy;Old-Fashioned;Spicy;Sweet;Holiday;Summer;Simple;"
    "Crispy;Slow-Cooker;Southern;Golden;Family;Hearty;Tangy;Sunday;Winter;One-Pot;Aunt Mary's;"
    "Homemade;Classic;Rustic;Weeknight;Mom's;Smoky;Garden;Harvest;Country;Cheesy;Lazy".split(";")
)
BRANDS: tuple[str, ...] = tuple(
    "Goldmill;Miller's;Sunny Farm;Hillside;Bella Casa;Old Dutch;Green Valley;Star Kitchen;"
    "Farmhouse;Blue Lake;Casa Rosa;Nonna's;Uncle Ned's;White Dove;Three Rivers;Alpine".split(";")
)
